/** Which rows of a long list are drawn. All rows are equally high, so this is arithmetic. */
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'

/** Rows drawn beyond the edge, so that scrolling finds them there. */
const BEYOND = 8

export interface Window {
  first: ComputedRef<number>
  last: ComputedRef<number>
  /** Height of everything, in pixels. */
  height: ComputedRef<number>
  /** Scrolls as far as it takes to show the row. */
  reveal: (index: number) => void
}

export function useWindow(scroller: Ref<HTMLElement | null>, count: Ref<number>, rowHeight: Ref<number>, headHeight: Ref<number>): Window {
  const top = ref(0)
  const viewport = ref(800)
  const onScroll = (): void => {
    if (scroller.value) top.value = scroller.value.scrollTop
  }
  const resizes = new ResizeObserver(([entry]) => {
    if (entry) viewport.value = entry.contentRect.height
  })
  watch(scroller, (element, old) => {
    old?.removeEventListener('scroll', onScroll)
    element?.addEventListener('scroll', onScroll, { passive: true })
    resizes.disconnect()
    if (element) resizes.observe(element)
  })
  onScopeDispose(() => resizes.disconnect())

  return {
    first: computed(() => Math.max(0, Math.min(Math.floor(top.value / rowHeight.value), count.value) - BEYOND)),
    last: computed(() => Math.min(count.value, Math.ceil((top.value + viewport.value) / rowHeight.value) + BEYOND)),
    height: computed(() => count.value * rowHeight.value),
    reveal(index) {
      const element = scroller.value
      if (!element) return
      const from = index * rowHeight.value
      const visible = element.clientHeight - headHeight.value
      if (from < element.scrollTop) element.scrollTop = from
      else if (from + rowHeight.value > element.scrollTop + visible) element.scrollTop = from + rowHeight.value - visible
      top.value = element.scrollTop
    },
  }
}
