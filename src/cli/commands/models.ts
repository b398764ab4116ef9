/** `models`: lists the service's Kling reference-to-video endpoints, or writes one as a file. */
import { Command } from '@commander-js/extra-typings';
import type { ServiceModel } from '../../index.js';
import { isModelId } from '../../schemas.js';
import { createClient } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { modelSource } from '../model-source.js';
import { example, findModel, shortName } from '../options.js';
import { print, printJson, printLine } from '../output.js';

const isOfFamily = (id: string) => /kling/i.test(id) && /reference-to-video$/i.test(id);

export function modelsCommand() {
  return new Command('models')
    .summary("list the service's models, or write one as a file")
    .description(
      "Prints the service's Kling reference-to-video models: id, short name, base price in US dollars, built in or not. With a model, prints a TypeScript file with its definition, made from the service's schema: for --model-file, and for your code.",
    )
    .argument('[model]', 'short name, or a model id')
    .option('--json', 'print one JSON object per model, as the service describes it')
    .addHelpText('after', example('models', 'models v4 > v4.ts'))
    .action(async (name, { json }) => {
      await using kling = await createClient();
      const list = await kling.listModels({ signal: interrupted });
      if (name !== undefined) {
        const model = find(list, name);
        if (json === true) printJson(model);
        else printLine(toSource(model).trimEnd());
        return;
      }
      const family = list
        .filter(({ model_id }) => isOfFamily(model_id))
        .sort((one, other) => (one.model_id < other.model_id ? -1 : 1));
      for (const model of family) {
        const { model_id: id, base_price } = model;
        const short = isModelId(id) ? shortName(id) : '–';
        if (json === true) printJson(model);
        else print(id, short, base_price ?? '–', isModelId(id) ? 'built in' : 'not built in');
      }
    });
}

function find(list: readonly ServiceModel[], name: string): ServiceModel {
  const id = findModel(name) ?? name;
  const model = list.find(({ model_id }) => model_id === id);
  if (model !== undefined) return model;
  throw new CommandError(`The service does not list "${id}"; see \`wavespeed-kling models\`.`, EXIT.failed);
}

function toSource({ model_id, api_schema }: ServiceModel): string {
  const schema = api_schema?.api_schemas?.[0]?.request_schema;
  if (schema !== undefined) return modelSource(model_id, schema);
  throw new CommandError(`The service does not show the fields of ${model_id}.`, EXIT.failed);
}
