#!/usr/bin/env node
/** vzctl VERB … */
import { run } from './run.js';

void run('vzctl');
