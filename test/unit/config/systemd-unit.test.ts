import { expect, it } from 'vitest';
import { systemdUnit } from '../../../src/config/systemd-unit.js';

it('makes a unit that systemd reads the paths of, whatever is in them', () => {
  const unit = systemdUnit({ node: '/usr/bin/node', script: '/opt/50% "a" $b/cella.cjs', rootDir: '/r o' });
  expect(unit).toContain('\nExecStart="/usr/bin/node" "/opt/50%% \\"a\\" $$b/cella.cjs" service\n');
  expect(unit).toContain('\nEnvironment="CELLA_ROOT=/r o"\n');
  expect(unit).toContain('\nKillMode=process\n');
  expect(systemdUnit({ node: '/n', script: '/s', rootDir: '' })).not.toContain('CELLA_ROOT');
});
