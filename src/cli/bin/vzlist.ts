#!/usr/bin/env node
/** vzlist: the same as vzctl list. */
import { run } from './run.js';

void run('vzlist');
