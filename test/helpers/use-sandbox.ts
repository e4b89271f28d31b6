/** The sandbox of a file or of a describe block. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { lack, type Need, requires } from './requires.js';
import { type FileSystem, Sandbox } from './sandbox.js';

export interface SandboxUse {
  readonly on?: FileSystem | undefined;
  readonly needs?: readonly Need[];
  /** Containers that are removed after each test. */
  readonly clear?: readonly number[];
  /** Containers that all tests share. */
  readonly keep?: readonly number[];
  readonly inProcess?: boolean;
}

/** Is open from the first `beforeAll` after it on, unless this host lacks what it needs. */
export function useSandbox({ on, needs = [], clear = [], keep = [], inProcess }: SandboxUse = {}): Sandbox {
  requires(...needs);
  const sandbox = new Sandbox({ inProcess });
  beforeAll(async () => {
    for (const need of needs) if ((await lack(need)) !== undefined) return;
    await sandbox.open(on);
  });
  afterEach(async () => {
    if (sandbox.isOpen && keep.length === 0) await sandbox.clear(...clear);
  });
  afterAll(async () => {
    if (!sandbox.isOpen) return;
    await sandbox.clear(...clear, ...keep);
    await sandbox.close();
  });
  return sandbox;
}
