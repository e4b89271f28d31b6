#!/usr/bin/env node
/** cella VERB … */
import { run } from './run.js';

await run('vzctl');
