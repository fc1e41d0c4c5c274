/** Returns the text, cut to `maxLength` UTF-16 units and an ellipsis if it is longer. */
export function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).toWellFormed()}…`
}
