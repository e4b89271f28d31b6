#!/usr/bin/env node
/** vzlist … is vzctl list … */
import { run } from './run.js';

await run(['list', ...process.argv.slice(2)]);
