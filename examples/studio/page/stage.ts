/** Where a task's video is: a frame of its shape from the first moment on, so that nothing moves when it comes. */
import type { TaskView } from '../shared/types.js';
import { h, setAttribute, setText } from './dom.js';
import { isRunning, seconds, statusWord } from './format.js';

const isCalm = matchMedia('(prefers-reduced-motion: reduce)');

/** Plays what can be seen, and nothing else. */
const whileSeen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const video = target as HTMLVideoElement;
    if (isIntersecting) void video.play().catch(() => undefined);
    else video.pause();
  }
});

export class Stage {
  readonly element: HTMLElement;
  readonly #label = h('span', { class: 'stage-label' });
  readonly #time = h('span', { class: 'stage-time' });
  #video: HTMLVideoElement | undefined;

  constructor(task: TaskView) {
    const wait = h('div', { class: 'wait', 'aria-hidden': 'true' }, this.#time, this.#label);
    this.element = h('div', { class: 'stage', 'data-ratio': ratioOf(task) }, wait);
  }

  /** @param plays Whether a video that has just been made may begin by itself. */
  update(task: TaskView, plays: boolean): void {
    setAttribute(this.element, 'data-state', isRunning(task.status) ? 'running' : task.status);
    setText(this.#label, isRunning(task.status) ? statusWord(task.status) : '');
    if (task.status !== 'completed' || task.id === undefined || this.#video !== undefined) return;
    if (task.isVideoReady) this.#show(task, plays);
    else this.#offer(task);
  }

  /** Counts on while the task is being made. */
  tick(task: TaskView): void {
    setText(this.#time, isRunning(task.status) ? seconds(Date.now() - Date.parse(task.createdAt)) : '');
  }

  #show(task: TaskView, plays: boolean): void {
    const video = h('video', {
      src: videoUrl(task),
      controls: true,
      loop: true,
      playsinline: true,
      preload: 'metadata',
      'aria-label': 'Result',
    });
    // A browser starts nothing with sound by itself.
    video.muted = plays;
    video.addEventListener('error', () => {
      this.element.replaceChildren(
        h(
          'p',
          { class: 'stage-error', role: 'alert' },
          'The video could not be loaded. The service keeps it for 7 days.',
        ),
      );
    });
    this.#video = video;
    this.element.replaceChildren(video);
    if (plays && !isCalm.matches) whileSeen.observe(video);
  }

  /** A video of another machine is fetched when it is asked for. */
  #offer(task: TaskView): void {
    const load = () => this.#show(task, true);
    this.element.replaceChildren(
      h('button', { type: 'button', class: 'load', click: load }, 'Load the video'),
    );
  }
}

/** The shape that was asked for, such as `9:16`. */
function ratioOf({ input }: TaskView): string | undefined {
  const ratio = Object.entries(input).find(
    ([name, value]) => name !== 'prompt' && typeof value === 'string' && /^\d+:\d+$/.test(value),
  );
  return ratio?.[1] as string | undefined;
}

export function videoUrl(task: TaskView): string {
  return `/videos/${encodeURIComponent(task.id ?? '')}`;
}
