#!/usr/bin/env node
/** vzctl VERB … */
import { run } from './run.js';

await run('vzctl');
