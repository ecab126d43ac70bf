//! QR codes (ISO/IEC 18004) drawn in the terminal, two modules to a character.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code. The standard asks for four; two are enough on a screen, and 80 by 24 has no more room.
const QUIET_MODULES: usize = 2;
/// Black on white, so that the code is right on terminals of either colour.
const INK: &str = "\u{1b}[30;107m";
const PLAIN: &str = "\u{1b}[0m";

/// The code of `text`, as lines that are to be shown dark on light. `None` when the text is too long for one.
/// Text in upper case makes a smaller code.
pub(crate) fn lines(text: &str) -> Option<Vec<String>> {
    // A screen has no dirt on it: the lowest level of correction makes the smallest code.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width() + 2 * QUIET_MODULES;
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(QUIET_MODULES), y.checked_sub(QUIET_MODULES));
        let place = x.zip(y).filter(|(x, _)| *x < code.width()).map(|(x, y)| y * code.width() + x);
        place.and_then(|place| colors.get(place)).is_some_and(|color| *color == Color::Dark)
    };
    let line = |y: usize| {
        let character = |x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..side).map(character).collect()
    };
    Some((0..side).step_by(2).map(line).collect())
}

/// As [`lines`], for printing: with the colours, and a line break after each line.
pub(crate) fn drawing(text: &str) -> Option<String> {
    let coloured = |line: String| format!("{INK}{line}{PLAIN}\n");
    Some(lines(text)?.into_iter().map(coloured).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a drawing as a camera would.
    fn read(lines: &[String]) -> String {
        const SCALE: usize = 4;
        let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        let (width, height) = (rows[0].len(), rows.len() * 2);
        let is_dark = |x: usize, y: usize| {
            let halves = if y.is_multiple_of(2) { ['█', '▀'] } else { ['█', '▄'] };
            halves.contains(&rows[y / 2][x])
        };
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, |x, y| {
            if is_dark(x / SCALE, y / SCALE) { 0 } else { 255 }
        });
        let grids = seen.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().expect("a QR code").1
    }

    /// As long as what a new device shows: 14 characters and 68 bytes in base32.
    fn text() -> String {
        format!("DUNLIN:LINK/1/{}", "ABCDEFG234567".repeat(9).split_off(8))
    }

    #[test]
    fn a_drawing_reads_back_and_fits_a_small_terminal() {
        let text = text();
        assert_eq!(text.len(), 123);
        let lines = lines(&text).unwrap();
        assert_eq!(read(&lines), text);
        assert!(lines.len() <= 22 && lines.iter().all(|line| line.chars().count() <= 80), "{}", lines.len());
    }

    #[test]
    fn a_drawing_brings_its_colours_along() {
        let drawn = drawing(&text()).unwrap();
        assert!(drawn.lines().all(|line| line.starts_with(INK) && line.ends_with(PLAIN)));
        assert_eq!(drawn.lines().count(), lines(&text()).unwrap().len());
    }

    #[test]
    fn what_is_too_long_has_no_drawing() {
        assert_eq!(lines(&"x".repeat(3_000)), None);
    }
}
