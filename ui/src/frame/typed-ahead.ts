/** Letters typed before the field they are meant for has been loaded: kept, and not taken for keys of the page. */

export interface TypedAhead {
  /** What was typed so far; from now on keys go their usual way. */
  take: () => string
}

/** Gathers from now on. */
export function typeAhead(): TypedAhead {
  let text = ''
  const gather = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (event.key === 'Backspace') text = text.slice(0, -1)
    else if (event.key.length === 1) text += event.key
    // Nothing to choose from yet; but whatever has the focus is not meant either.
    else if (event.key !== 'Enter') return
    event.preventDefault()
    event.stopImmediatePropagation()
  }
  window.addEventListener('keydown', gather, { capture: true })
  return {
    take() {
      window.removeEventListener('keydown', gather, { capture: true })
      return text
    },
  }
}
