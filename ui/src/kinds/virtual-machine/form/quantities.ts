/** Texts of the form's number fields. */

export function numberOf(text: string): number | undefined {
  const value = Number(text.trim())
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value
}

/** `4` → `4Gi`, `0.5` → `512Mi`. */
export function gibQuantity(text: string): string | undefined {
  const gib = numberOf(text)
  if (gib === undefined) return undefined
  return Number.isInteger(gib) ? `${gib}Gi` : `${Math.round(gib * 1024)}Mi`
}
