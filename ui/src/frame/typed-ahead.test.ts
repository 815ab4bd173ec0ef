import { expect, it } from 'vitest'

import { typeAhead } from './typed-ahead'

function press(key: string, more: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })
  document.body.dispatchEvent(event)
  return event.defaultPrevented
}

it('keeps what is typed until it is taken', () => {
  const ahead = typeAhead()
  for (const key of ['v', 'm', '-', 'x', 'Backspace', 'Enter', '1']) expect(press(key), key).toBe(true)
  for (const [key, more] of [['Escape', {}], ['Tab', {}], ['k', { ctrlKey: true }]] as const) expect(press(key, more), key).toBe(false)
  expect(ahead.take()).toBe('vm-1')
  expect(press('z')).toBe(false)
  expect(ahead.take()).toBe('vm-1')
})
