/** `price`: prints what a task would cost. */
import { Command } from '@commander-js/extra-typings';
import { estimateCost, type ModelInput } from '../../index.js';
import type { ModelId } from '../../schemas.js';
import { createClient, hasKey } from '../client.js';
import { interrupted } from '../interrupt.js';
import { example, numberFrom, parseModel, text } from '../options.js';
import { note, print, printJson } from '../output.js';
import { readRequest } from '../request.js';

export function priceCommand() {
  return new Command('price')
    .summary('print what a task would cost')
    .description(
      'Prints what a task would cost this account, in US dollars: asks the service, or without a key computes the list price.',
    )
    .argument('<model>', 'o1, o3-std, or a model id', parseModel)
    .option('--duration <seconds>', 'length of the video (default: 5)', numberFrom(1, 'integer'))
    .option('--video <file|url>', 'with a reference video', text)
    .option('--json', 'print one JSON object')
    .addHelpText('after', example('price o3-std --duration 10'))
    .action(async (model, { duration, video, json }) => {
      const fields = {
        prompt: 'price',
        ...(duration !== undefined && { duration }),
        ...(video !== undefined && { video }),
      };
      const { input, cost } = await readRequest(model, fields);
      const quote = hasKey() ? await ask(model, input) : undefined;
      if (quote === undefined) note('No API key: this is the list price, not asked of the service.');
      const price = quote?.discounted_price ?? cost;
      if (json === true)
        printJson({ model, price, list_price: quote?.price ?? cost, estimate: estimateCost(model, input) });
      else print(price);
    });
}

async function ask(model: ModelId, input: ModelInput<ModelId>) {
  await using kling = await createClient();
  return await kling.quote(model, input, { signal: interrupted });
}
