/** Copies a text. Browsers give the clipboard only to pages over https or on localhost, which the console always is. */
export const copyText = (text: string): Promise<void> => navigator.clipboard.writeText(text)

/** Offers a text as a file. */
export function download(name: string, text: string, type = 'application/yaml'): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  follow(url, name)
  URL.revokeObjectURL(url)
}

/** Lets the browser fetch a file of our own server: straight to disk, however large it is. */
export function follow(url: string, name: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
}
