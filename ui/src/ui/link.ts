/** Links that are drawn by the hundred, for which a RouterLink each is too much. */

/** Whether the click means to go there, and not to open a tab or a window, or to save. */
export function isPlainClick(event: MouseEvent): boolean {
  return !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.altKey && !event.ctrlKey && !event.shiftKey
}
