/** Every path under the root directory, and two root directories apart. */
import { describe, expect, it } from 'vitest';
import { openPaths } from '../../../src/state/paths.js';

describe('openPaths', () => {
  it('has the places of OpenVZ', () => {
    const paths = openPaths(undefined);
    expect(paths.hostConfig).toBe('/etc/vz/vz.conf');
    expect(paths.config(101)).toBe('/etc/vz/conf/101.conf');
    expect(paths.sample('basic')).toBe('/etc/vz/conf/ve-basic.conf-sample');
    expect(paths.at('/var/lib/vz')).toBe('/var/lib/vz');
    expect(paths.cgroupGroup).toBe('');
    expect(openPaths('/')).toMatchObject({ hostConfig: paths.hostConfig, cgroupGroup: '' });
  });

  it.each(['/srv/a', '/srv/a/', '/srv/b/../a'])('puts all of it below %s', (rootDir) => {
    const paths = openPaths(rootDir);
    const all = [
      paths.hostConfig,
      paths.configDir,
      paths.namesDir,
      paths.runDir,
      paths.config(101),
      paths.creating(101),
      paths.record(101),
      paths.sample('basic'),
      paths.at('/vz/private/101'),
      paths.at('/../../escape'),
    ];
    for (const path of all) expect(path).toMatch(/^\/srv\/a\//);
  });

  it('gives each root directory control groups of its own', () => {
    const parents = ['/', '/srv/a', '/srv/b'].map((rootDir) => openPaths(rootDir).cgroupGroup);
    expect(new Set(parents).size).toBe(3);
    expect(openPaths('/srv/a/').cgroupGroup).toBe(parents[1]);
  });
});
