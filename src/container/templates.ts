/** A host's templates, as library users hold them. */
import { type BuildOptions, buildTemplate } from '../template/build.js';
import type { Template } from '../template/cache.js';
import { recipeDirectory } from '../template/recipes.js';
import type { Context } from './context.js';

export class Templates {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** From a recipe that comes with the package; aborting leaves nothing of it. */
  async build(recipe: string, options: BuildOptions = {}): Promise<Template> {
    const { hostConfig, paths } = this.#context;
    return buildTemplate(recipeDirectory(recipe), paths.at(hostConfig().template), options);
  }
}
