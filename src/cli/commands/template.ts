/** cella template … */
import type { Register } from '../session.js';
import { registerTemplateBuild } from './template-build.js';

export const registerTemplate: Register = (program, session) => {
  const group = program.command('template').description('what containers are made from');
  registerTemplateBuild(group, session);
};
