#!/usr/bin/env node
/** vzlist: the same as vzctl list. */
import { run } from './run.js';

await run('vzlist');
