#!/usr/bin/env node
/** vzpid: which container a process is in. */
import { run } from './run.js';

void run('vzpid');
