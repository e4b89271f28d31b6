#!/usr/bin/env node
/** cella VERB … */
import { run } from './run.js';

await run(process.argv.slice(2));
