#!/usr/bin/perl
# Writes a made-up database for `contrib/demo --dashboard`: every /12 of IPv4 is given to a city, in
# shares that look like a telescope's, and to one of the AS numbers that are kept for documentation. Nothing here is true of anybody.
# Needs libmaxmind-db-writer-perl.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

# city's country, latitude, longitude, share
my @cities = (
    [ 'CN', 31.2, 121.5, 9 ], [ 'CN', 39.9, 116.4, 6 ], [ 'CN', 23.1, 113.3, 6 ], [ 'CN', 30.6, 104.1, 3 ],
    [ 'US', 37.4, -122.1, 6 ], [ 'US', 40.7, -74.0, 5 ], [ 'US', 41.9, -87.6, 4 ], [ 'US', 32.8, -96.8, 4 ],
    [ 'US', 39.0, -77.5, 5 ], [ 'VN', 21.0, 105.8, 5 ], [ 'VN', 10.8, 106.7, 4 ], [ 'IN', 19.1, 72.9, 5 ],
    [ 'IN', 28.6, 77.2, 5 ], [ 'IN', 13.0, 77.6, 3 ], [ 'BR', -23.6, -46.6, 5 ], [ 'BR', -22.9, -43.2, 3 ],
    [ 'BR', -12.9, -38.4, 2 ], [ 'RU', 55.8, 37.6, 5 ], [ 'RU', 55.0, 82.9, 2 ], [ 'RU', 59.9, 30.3, 2 ],
    [ 'KR', 37.6, 127.0, 4 ], [ 'TW', 25.0, 121.6, 4 ], [ 'JP', 35.7, 139.7, 3 ], [ 'JP', 34.7, 135.5, 2 ],
    [ 'ID', -6.2, 106.8, 3 ], [ 'TH', 13.8, 100.5, 2 ], [ 'TR', 41.0, 29.0, 3 ], [ 'IR', 35.7, 51.4, 3 ],
    [ 'EG', 30.0, 31.2, 2 ], [ 'ZA', -26.2, 28.0, 2 ], [ 'NG', 6.5, 3.4, 1 ], [ 'KE', -1.3, 36.8, 1 ],
    [ 'MA', 33.6, -7.6, 1 ], [ 'DE', 50.1, 8.7, 4 ], [ 'NL', 52.4, 4.9, 4 ], [ 'FR', 48.9, 2.4, 3 ],
    [ 'GB', 51.5, -0.1, 3 ], [ 'IT', 45.5, 9.2, 2 ], [ 'ES', 40.4, -3.7, 2 ], [ 'PL', 52.2, 21.0, 2 ],
    [ 'UA', 50.5, 30.5, 2 ], [ 'RO', 44.4, 26.1, 2 ], [ 'SE', 59.3, 18.1, 1 ], [ 'FI', 60.2, 24.9, 1 ],
    [ 'BG', 42.7, 23.3, 1 ], [ 'GR', 38.0, 23.7, 1 ], [ 'AR', -34.6, -58.4, 2 ], [ 'CL', -33.4, -70.7, 1 ],
    [ 'CO', 4.7, -74.1, 2 ], [ 'PE', -12.0, -77.0, 1 ], [ 'VE', 10.5, -66.9, 1 ], [ 'MX', 19.4, -99.1, 3 ],
    [ 'CA', 43.7, -79.4, 2 ], [ 'CA', 49.3, -123.1, 1 ], [ 'AU', -33.9, 151.2, 2 ], [ 'AU', -31.9, 115.9, 1 ],
    [ 'NZ', -36.8, 174.8, 1 ], [ 'SG', 1.3, 103.8, 2 ], [ 'HK', 22.3, 114.2, 2 ], [ 'MY', 3.1, 101.7, 1 ],
    [ 'PH', 14.6, 121.0, 2 ], [ 'PK', 24.9, 67.0, 2 ], [ 'BD', 23.8, 90.4, 2 ], [ 'KZ', 43.2, 76.9, 1 ],
    [ 'SA', 24.7, 46.7, 1 ], [ 'IL', 32.1, 34.8, 1 ], [ 'DZ', 36.8, 3.1, 1 ], [ 'TN', 36.8, 10.2, 1 ],
);
my @drawn = map { my $city = $_; ($city) x $city->[3] } @cities;
my %types = (
    country => 'map', iso_code => 'utf8_string', location => 'map',
    latitude => 'double', longitude => 'double',
    autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string',
);
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version => 4, record_size => 24, database_type => 'nightscope-demo-City', languages => ['en'],
    description => { en => 'made up' }, map_key_type_callback => sub { $types{ $_[0] } },
    remove_reserved_networks => 0,
);
my $state = 7;
for my $block ( 0 .. 4095 ) {    # /12, each of a city, a little beside its middle
    $state = ( $state * 1103515245 + 12345 ) & 0x7fffffff;
    my $city = $drawn[ ( $state >> 8 ) % @drawn ];
    $state = ( $state * 1103515245 + 12345 ) & 0x7fffffff;
    my $north = ( ( $state >> 8 ) % 300 - 150 ) / 100;
    my $east = ( ( $state >> 16 ) % 300 - 150 ) / 100;
    my $number = 65536 + ( $city->[3] * 5 + ord $city->[0] ) % 16;
    my $network = sprintf '%d.%d.0.0/12', $block >> 4, ( $block & 15 ) << 4;
    $tree->insert_network( $network, {
        country => { iso_code => $city->[0] },
        location => { latitude => $city->[1] + $north, longitude => $city->[2] + $east },
        autonomous_system_number => $number,
        autonomous_system_organization => "Example Network $number",
    } );
}
open my $file, '>:raw', $ARGV[0] or die "$ARGV[0]: $!\n";
$tree->write_tree($file);
close $file or die "$ARGV[0]: $!\n";
