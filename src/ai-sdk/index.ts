/** The entry `wavespeed-kling/ai-sdk`: a video provider for the AI SDK. */
export {};
