#import "AURBackoff.h"
#import "AURValues.h"
#include <math.h>
#include <stdlib.h>

NSTimeInterval AURBackoff(NSUInteger failures, double jitter) {
    NSUInteger doublings = failures < 1 ? 0 : MIN(failures - 1, 20u);
    NSTimeInterval d = MIN(AURBackoffCap, ldexp(AURBackoffBase, (int)doublings));
    return d - jitter * d / 2;
}

NSTimeInterval AURPause(NSUInteger failures, NSTimeInterval retryAfter) {
    double jitter = arc4random_uniform(1u << 30) / (double)(1u << 30);
    return MAX(AURBackoff(failures, jitter), MIN(retryAfter, AURRetryAfterCap));
}

id<AURCancellable> AURAfter(AUREnvironment *environment, NSTimeInterval seconds, void (^block)(void)) {
    return [environment.clock after:seconds perform:^{ [environment.queue perform:block]; }];
}

NSTimeInterval AURRetryAfter(NSString *header, NSDate *now) {
    if (header.length == 0) return 0;
    if (AURConsistsOf(header, @"0123456789")) return MIN(header.doubleValue, 2147483647.0);
    NSDateFormatter *format = [[NSDateFormatter alloc] init];
    format.locale = [[NSLocale alloc] initWithLocaleIdentifier:@"en_US_POSIX"];
    format.timeZone = [NSTimeZone timeZoneForSecondsFromGMT:0];
    format.dateFormat = @"EEE, dd MMM yyyy HH:mm:ss 'GMT'";
    NSDate *date = [format dateFromString:header];
    return date == nil ? 0 : MAX(0, [date timeIntervalSinceDate:now]);
}
