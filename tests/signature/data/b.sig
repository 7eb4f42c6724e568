signature third
    title   fixture 3
    origin  tool
    match   ip.id == 3
    chance  2^-16
