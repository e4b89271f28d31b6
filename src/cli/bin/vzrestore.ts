#!/usr/bin/env node
/** vzrestore: the same as cella restore. */
import { run } from './run.js';

void run('vzrestore');
