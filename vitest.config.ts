import { defineConfig } from 'vitest/config';

/** The VM lane's processor is an emulated one. */
const slowly = process.env.CELLA_LANE === 'vm' ? 4 : 1;
const serial = {
  fileParallelism: false,
  // One process for all files: what they import is loaded once.
  isolate: false,
  testTimeout: 60_000 * slowly,
  hookTimeout: 120_000 * slowly,
} as const;

export default defineConfig({
  test: {
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    tags: [{ name: 'slow', description: 'left out of the VM lane unless it is run with --all' }],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 * slowly } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...serial } },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], ...serial } },
      { test: { name: 'hosts', include: ['test/hosts/**/*.test.ts'], ...serial } },
      // After those: one of the two hosts ends in it.
      {
        test: {
          name: 'hosts-end',
          include: ['test/hosts-end/**/*.test.ts'],
          ...serial,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: 'lane', include: ['test/lane/**/*.test.ts'], ...serial, testTimeout: 300_000 } },
      // Whatever else goes on at a busy machine may make one miss its moment: then it gets another, and is named.
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...serial, retry: 1 } },
    ],
  },
});
