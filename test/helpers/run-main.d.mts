import type { Program } from '../../dist/cli/main.js';
import type { Result } from './sandbox.js';

export function runMain(
  program: Program,
  args: readonly string[],
  where: { readonly rootDir: string; readonly input: string },
): Promise<Result>;
