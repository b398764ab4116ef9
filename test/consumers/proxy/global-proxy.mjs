// The application has set a proxy for all of undici.
import { EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';
import { WaveSpeedKling } from 'wavespeed-kling';
import { makeVideo } from './make-video.mjs';

const agent = new EnvHttpProxyAgent();
setGlobalDispatcher(agent);
await makeVideo(new WaveSpeedKling());
await agent.close();
