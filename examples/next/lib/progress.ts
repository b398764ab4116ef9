/** What the server streams to the page: one JSON object per line. */
export interface Progress {
  /** Id of the task. */
  id?: string;
  status?: string;
  /** Address of the video. */
  url?: string;
  error?: string;
}
