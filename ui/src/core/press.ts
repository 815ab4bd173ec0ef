/** What has to wait while somebody presses: a button that moves away under the pointer is never clicked. */
let isPressed = false

addEventListener('pointerdown', () => (isPressed = true), { capture: true, passive: true })
for (const end of ['pointerup', 'pointercancel'] as const) addEventListener(end, () => (isPressed = false), { capture: true, passive: true })

/** Runs at once, or when the button of the mouse has been let go and its click has been heard. */
export function afterPress(run: () => void): void {
  if (!isPressed) run()
  else addEventListener('pointerup', () => setTimeout(run), { capture: true, once: true })
}
