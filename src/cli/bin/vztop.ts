#!/usr/bin/env node
/** vztop: what containers use, as it changes. */
import { run } from './run.js';

void run('vztop');
