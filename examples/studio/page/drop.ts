/** The place where files are chosen or dropped. */
import { FILE_LIMITS, type FileKind } from '../shared/limits.js';
import { h } from './dom.js';

export function makeDropZone(
  { name, kind, isSingle, list }: { name: string; kind: FileKind; isSingle: boolean; list: HTMLElement },
  onFiles: (files: File[]) => void,
): HTMLElement {
  const input: HTMLInputElement = h('input', {
    id: name,
    type: 'file',
    multiple: !isSingle,
    accept: FILE_LIMITS[kind].extensions.map((extension) => `.${extension}`).join(','),
    'aria-describedby': `${name}-issue ${name}-hint`,
    change: () => {
      onFiles([...(input.files ?? [])]);
      input.value = '';
    },
  });
  const drop = h(
    'div',
    { class: 'drop' },
    list,
    h(
      'div',
      { class: 'invite' },
      h('span', { class: 'plus', 'aria-hidden': 'true' }, '+'),
      h('span', {}, h('b', {}, 'Choose'), ', drop or paste'),
      input,
    ),
  );
  for (const event of ['dragenter', 'dragover'] as const) {
    drop.addEventListener(event, (dragged) => {
      if (dragged.dataTransfer?.types.includes('Files') !== true) return;
      dragged.preventDefault();
      drop.classList.add('over');
    });
  }
  for (const event of ['dragleave', 'drop'] as const)
    drop.addEventListener(event, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (dropped) => {
    const files = [...(dropped.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    dropped.preventDefault();
    onFiles(files);
  });
  return drop;
}
