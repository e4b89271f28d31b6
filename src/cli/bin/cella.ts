#!/usr/bin/env node
/** cella VERB … */
import { run } from './run.js';

void run('vzctl');
