#import "AURBackoff.h"
#import "AURValues.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

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
    if (AURMatches(header, @"[0-9]+")) return MIN(header.doubleValue, 2147483647.0);
    struct tm date = {0};
    const char *rest = header == nil ? NULL : strptime(header.UTF8String, "%a, %d %b %Y %T GMT", &date);
    return rest == NULL || *rest != 0 ? 0 : MAX(0, timegm(&date) - now.timeIntervalSince1970);
}
