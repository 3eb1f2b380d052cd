#import "AURReceipt.h"
#import "AURPropertyList.h"
#include <math.h>
#include <time.h>

NSString *const AURReceivedEvent = @"received";
NSString *const AUROpenedEvent = @"opened";

static NSString *digits(NSString *text) {
    NSCharacterSet *others = [[NSCharacterSet characterSetWithCharactersInString:@"0123456789"] invertedSet];
    return text.length >= 1 && text.length <= 20 && [text rangeOfCharacterFromSet:others].length == 0 ? text : nil;
}

NSString *AURMessageID(NSDictionary *payload) {
    if (![payload isKindOfClass:[NSDictionary class]]) return nil;
    id value = payload[@"_j_msgid"];
    if ([value isKindOfClass:[NSString class]]) return digits(value);
    if (![value isKindOfClass:[NSNumber class]] || AURIsBoolean(value)) return nil;
    if (strchr("fd", [value objCType][0]) == NULL) return digits([value stringValue]);
    // Bridges from JavaScript make a double of every number: exact below 2^53, and not an id if it has a fraction.
    double d = [value doubleValue];
    return d >= 0 && d < 9007199254740992.0 && d == floor(d) ? [NSString stringWithFormat:@"%.0f", d] : nil;
}

AURReceipt *AURMakeReceipt(NSString *messageID, NSString *event, NSDate *at) {
    double whole, fraction = modf(at.timeIntervalSince1970, &whole);
    time_t seconds = (time_t)whole;
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    char text[32] = "";
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return @{@"msg_id" : messageID, @"event" : event, @"at" : [NSString stringWithFormat:@"%s.%03dZ", text, (int)(fraction * 1000)]};
}

NSArray<AURReceipt *> *AURReceiptsFor(NSString *event, NSDictionary *payload, NSDate *at) {
    NSString *messageID = AURMessageID(payload);
    if (messageID == nil) return @[];
    AURReceipt *received = AURMakeReceipt(messageID, AURReceivedEvent, at);
    return [event isEqual:AUROpenedEvent] ? @[ received, AURMakeReceipt(messageID, AUROpenedEvent, at) ] : @[ received ];
}

NSString *AURReceiptKey(AURReceipt *receipt) { return [NSString stringWithFormat:@"%@ %@", receipt[@"msg_id"], receipt[@"event"]]; }

BOOL AURIsReceipt(id value) {
    if (![value isKindOfClass:[NSDictionary class]]) return NO;
    for (NSString *key in @[ @"msg_id", @"event", @"at" ])
        if (![value[key] isKindOfClass:[NSString class]]) return NO;
    return digits(value[@"msg_id"]) != nil;
}
