//! Medians, spreads, and numbers as people read them.

/// The middle one, or the mean of the two in the middle; `None` of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(values[middle - 1], upper))
}

/// The smallest and the largest; `None` of none.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |found, value| {
        let (least, most) = found.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

/// Three digits or more, thousands apart.
pub(super) fn written(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.len();
    let mut apart = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let to_the_right = digits - index;
        if index > 0 && to_the_right % 3 == 0 && digit.is_ascii_digit() && apart != "-" {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_few() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0].into_iter()), Some(3.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median([9.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(spread([2.0, 9.0, 1.0].into_iter()), Some((1.0, 9.0)));
    }

    #[test]
    fn numbers_can_be_read() {
        let texts = [0.1234, 1.234, 12.34, 123.4, 1234.0, 1_234_567.0, -1234.0].map(written);
        let expected = [
            "0.123",
            "1.23",
            "12.3",
            "123",
            "1,234",
            "1,234,567",
            "-1,234",
        ];
        assert_eq!(texts, expected);
    }
}
