/** Tells the story to a person. */
export class Narrator {
  #step = 0;

  constructor(private readonly write: (text: string) => void) {}

  /** A new chapter. */
  step(title: string): void {
    this.#step += 1;
    const heading = `${this.#step}. ${title}`;
    this.write(`${heading}\n${"-".repeat(heading.length)}\n`);
  }

  say(text: string): void {
    this.write(`${text}\n\n`);
  }

  command(text: string): void {
    this.write(`$ ${text}\n`);
  }

  /** What a program printed, or a file holds. */
  output(text: string): void {
    this.write(`${text.trimEnd().replace(/^(?=.)/gm, "  ")}\n\n`);
  }

  /** Something that was compared, and is right. */
  proof(text: string): void {
    this.write(`✔ ${text}\n\n`);
  }
}
