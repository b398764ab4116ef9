/**
 * What the examples of this folder share: a client, and one video that reports to the example's server.
 *
 * Each example runs on the local emulator and costs nothing. With WAVESPEED_API_KEY set it makes one real video on the
 * live service (3 seconds, $0.252), and then needs PUBLIC_URL: the https address under which the service reaches port
 * PORT (default 3000) of this machine, such as a tunnel's.
 */
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';

/** @typedef {import('wavespeed-kling/webhooks').WebhookReceiver} WebhookReceiver */

/**
 * The part of an HTTP server that is used here.
 *
 * @typedef {object} Server
 * @property {boolean} listening
 * @property {() => import('node:net').AddressInfo | string | null} address
 * @property {(event: 'listening', listener: () => void) => unknown} once
 * @property {(callback: () => void) => unknown} close
 */

export async function startDemo() {
  const isLive = process.env.WAVESPEED_API_KEY !== undefined;
  const publicUrl = process.env.PUBLIC_URL;
  if (isLive && publicUrl === undefined) {
    throw new Error('Set PUBLIC_URL to the https address under which the service reaches this machine.');
  }
  const emulator = isLive ? undefined : await (await import('wavespeed-kling/testing')).startEmulator();
  const kling = new WaveSpeedKling(emulator && { apiKey: emulator.apiKey, baseUrl: emulator.url });

  return {
    kling,
    hostname: isLive ? '0.0.0.0' : '127.0.0.1',
    port: isLive ? Number(process.env.PORT ?? 3000) : 0,
    /**
     * Makes one video whose webhook goes to the server, waits for it, and closes everything.
     *
     * @param {WebhookReceiver} receiver
     * @param {Server} server
     */
    makeVideo: async (receiver, server) => {
      if (!server.listening)
        await new Promise((resolve) => server.once('listening', () => resolve(undefined)));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 3000;
      const webhookUrl = new URL('/webhooks', publicUrl ?? `http://127.0.0.1:${port}`).href;
      const input = { prompt: 'A paper boat drifts down a rainy street', duration: /** @type {const} */ (3) };
      const task = await kling.submit(KLING_O3_STD, input, { webhookUrl });
      console.log(`submitted: ${task.id}`);
      const received = new Promise((resolve) => receiver.subscribe(task.id, resolve));

      // Resolves when the webhook comes. It polls slowly meanwhile: a lost webhook does not lose the video.
      const video = await kling.wait(task.id, { webhookReceiver: receiver });
      console.log(`video: ${video.outputs[0]}`);

      await received;
      await emulator?.settled();
      await new Promise((resolve) => server.close(() => resolve(undefined)));
      await kling.close();
      await emulator?.close();
    },
  };
}

/**
 * Called once for each event, however often it is delivered. If it throws, the service delivers the event again.
 *
 * @param {import('wavespeed-kling').Prediction} event
 */
export function onEvent(event) {
  console.log(`webhook: ${event.id} ${event.status}`);
}
