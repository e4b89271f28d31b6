#!/usr/bin/env node
/** vzps: ps with the container of each process. */
import { run } from './run.js';

void run('vzps');
