/** Prints the one closing line that machines read: `N passed, N failed`, with `, N skipped` where any were. */
import type { Reporter, TestModule } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let [passed, failed, skipped] = [0, errors.length, 0];
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
    }
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    // Vitest's own summary is written on the same tick; ours has to be the last line.
    process.on('exit', () => console.log(`${passed} passed, ${failed} failed${tail}`));
  }
}
