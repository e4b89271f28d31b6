#!/usr/bin/env node
/** vzubc: what containers hold of what is limited. */
import { run } from './run.js';

void run('vzubc');
