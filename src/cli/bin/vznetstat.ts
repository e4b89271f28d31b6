#!/usr/bin/env node
/** vznetstat: traffic of containers by class. */
import { run } from './run.js';

void run('vznetstat');
