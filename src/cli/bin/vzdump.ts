#!/usr/bin/env node
/** vzdump: backups of containers. */
import { run } from './run.js';

void run('vzdump');
