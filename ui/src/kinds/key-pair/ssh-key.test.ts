import { describe, expect, it } from 'vitest'

import { fingerprint, nameFrom, parseKey } from './ssh-key'

/** Made with `ssh-keygen -t ed25519`; its fingerprint is what `ssh-keygen -l` said. */
const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBgenu1tfiBHGI0UuVGN2592rJYcMhh/IvzG0XDmFlK alice@laptop'

describe('public keys', () => {
  it.each([
    ['nothing', '  ', 'empty'],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----', 'private'],
    ['something else', 'hello world', 'type'],
    ['a type alone', 'ssh-ed25519', 'body'],
    ['a cut key', ED25519.slice(0, 40), 'body'],
    ['another type', ED25519.replace('ssh-ed25519', 'ssh-rsa'), 'body'],
    ['two keys', `${ED25519}\n${ED25519}`, 'several'],
    ['a toy', `ssh-rsa ${btoa('\0\0\0\u0007ssh-rsa\0\0\0\u0003\u0001\0\u0001\0\0\0\u0004\u00ff\u0001\u0002\u0003')}`, 'weak'],
  ])('refuses %s', (_, text, problem) => {
    expect(parseKey(text)).toBe(problem)
  })

  it('takes a key, names it, and knows its fingerprint', async () => {
    const key = parseKey(`  ${ED25519}\n`)
    if (typeof key === 'string') throw new Error(key)
    expect(key.type).toBe('ssh-ed25519')
    expect(nameFrom(key)).toBe('alice-laptop')
    expect(await fingerprint(key)).toBe('SHA256:IJFqkow2Crnxg80csVaUmkSYzajbGbkdGKncHi6udXM')
  })
})
