/** What was typed and not sent yet, kept for this tab. */
const PREFIX = 'grange.draft.'

export function readDraft<M>(name: string): Partial<M> | null {
  try {
    const text = sessionStorage.getItem(PREFIX + name)
    return text === null ? null : (JSON.parse(text) as Partial<M>)
  } catch {
    return null
  }
}

export function writeDraft(name: string, draft: unknown): void {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(draft))
  } catch {
    // Full storage: the form works on, only without its safety net.
  }
}

export const clearDraft = (name: string): void => sessionStorage.removeItem(PREFIX + name)
