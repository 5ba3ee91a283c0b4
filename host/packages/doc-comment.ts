// Doc comments of generated code, which carry the words of strangers.

/** `text` as a doc comment in one line that nothing in the text can end; with the line's end. */
export function docComment(text: string, indent: string): string {
  return `${indent}/** ${text.replaceAll("*/", "*\\/").replaceAll(/[\r\n\u2028\u2029]+/gu, " ")} */\n`;
}
