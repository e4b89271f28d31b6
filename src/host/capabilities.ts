/** What this process may do (capabilities(7)). */
import { readFileSync } from 'node:fs';

const [SYS_ADMIN, SYS_RESOURCE] = [21n, 24n];

export function canAdminister(): boolean {
  return process.getuid?.() === 0 && hasEffective(SYS_ADMIN);
}

export function canOverrideResources(): boolean {
  return hasEffective(SYS_RESOURCE);
}

function hasEffective(capability: bigint): boolean {
  const effective = /^CapEff:\s([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return ((BigInt(`0x${effective ?? '0'}`) >> capability) & 1n) === 1n;
}
