/**
 * Closes with what people and machines look for: a line for each test that failed, or needed a second attempt, and as
 * the last one `N passed, N failed`, with `, N skipped` where any were.
 */
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let [passed, failed, skipped] = [0, errors.length, 0];
    const lines: string[] = [];
    for (const module of modules) {
      failed += module.errors().length;
      for (const error of module.errors())
        lines.push(`FAILED ${module.relativeModuleId}: ${firstLine(error)}`);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
        lines.push(...linesOf(test));
      }
    }
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    // Vitest's own summary is written on the same tick; ours has to be the last.
    process.on('exit', () => console.log([...lines, `${passed} passed, ${failed} failed${tail}`].join('\n')));
  }
}

function linesOf(test: TestCase): readonly string[] {
  const name = `${test.module.relativeModuleId} > ${test.fullName}`;
  const { state, errors } = test.result();
  const why = errors?.[0] ? `: ${firstLine(errors[0])}` : '';
  if (state === 'failed') return [`FAILED ${name}${why}`];
  return test.diagnostic()?.flaky ? [`AGAIN ${name}${why}`] : [];
}

function firstLine({ message }: { readonly message: string }): string {
  return stripVTControlCharacters(message).split('\n', 1)[0] ?? '';
}
