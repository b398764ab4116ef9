/** `price`: prints what a task would cost. */
import { Command } from '@commander-js/extra-typings';
import type { ModelInput } from '../../index.js';
import type { Model } from '../../schemas.js';
import { createClient, hasKey } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { loadModel } from '../load-model.js';
import { addModelFlags, readModelFlags } from '../model-flags.js';
import { example, factsOf, MODEL_NAMES, parseModel } from '../options.js';
import { note, print, printJson } from '../output.js';
import { readRequest } from '../request.js';

export function priceCommand() {
  const command = new Command('price')
    .summary('print what a task would cost')
    .description(
      'Prints what a task would cost this account, in US dollars: asks the service, or without a key computes the list price.',
    )
    .argument('[model]', `${MODEL_NAMES}, or a model id`, parseModel)
    .option('--json', 'print one JSON object')
    .addHelpText('after', example('price o3-std --duration 10', 'price v4 --resolution 1080p'));
  return addModelFlags(command).action(async (name, options) => {
    const model = await loadModel(name, (options as { modelFile?: string }).modelFile);
    const fields = { ...readModelFlags(factsOf(model), options), prompt: 'price' };
    const { input, cost } = await readRequest(model, fields);
    const quote = hasKey() ? await ask(model, input) : undefined;
    const price = quote?.discounted_price ?? cost;
    if (price === undefined) {
      throw new CommandError(
        'Only the service knows the price of this input: set WAVESPEED_API_KEY.',
        EXIT.account,
      );
    }
    if (quote === undefined) note('No API key: this is the list price; the service was not asked.');
    if (options.json === true) {
      printJson({ model: factsOf(model).id, price, list_price: quote?.price ?? cost, estimate: cost });
    } else print(price);
  });
}

async function ask(model: Model, input: ModelInput<Model>) {
  await using kling = await createClient();
  return await kling.quote(model, input, { signal: interrupted });
}
