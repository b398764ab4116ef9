// The application's undici is 8: its dispatcher serves every request.
import { Agent } from 'undici';
import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

const dispatcher = new Agent();
const paths = [];
const counting = dispatcher.compose((dispatch) => (options, handler) => {
  paths.push(options.path);
  return dispatch(options, handler);
});
await makeVideo(new WaveSpeedKling({ dispatcher: counting }));
await dispatcher.close();
for (const part of ['/media/uploads', '/storage/', '/reference-to-video', '/result', '/outputs/']) {
  if (!paths.some((path) => path.includes(part)))
    throw new Error(`the dispatcher sent no request for ${part}`);
}
