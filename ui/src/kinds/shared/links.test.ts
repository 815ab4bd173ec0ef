import { describe, expect, it } from 'vitest'

import { safeUrl } from './links'

describe('safeUrl', () => {
  it.each([
    ['https://bmc.example/console?x=1', 'https://bmc.example/console?x=1'],
    [' http://10.0.0.1 ', 'http://10.0.0.1/'],
    ['javascript:alert(1)', undefined],
    ['JaVaScRiPt:alert(1)', undefined],
    ['data:text/html,<script>', undefined],
    ['//evil.example', undefined],
    ['/relative', undefined],
    ['vbscript:x', undefined],
    ['', undefined],
    [42, undefined],
  ])('%j', (text, url) => expect(safeUrl(text)).toBe(url))
})
