#import "AURReceipt.h"
#import "AURPropertyList.h"
#import "AURValues.h"
#include <math.h>
#include <time.h>

NSString *const AURReceivedEvent = @"received", *const AUROpenedEvent = @"opened";
NSString *const AURNotificationPart = @"notification", *const AURMessagePart = @"message";

NSString *AURDigits(NSString *text) { return AURMatches(text, @"[0-9]{1,20}") ? text : nil; }

NSString *AURMessageID(NSDictionary *payload) {
    NSString *text = AURText(payload, @"_j_msgid");
    NSNumber *value = AURDictionary(payload)[@"_j_msgid"];
    if (text != nil || ![value isKindOfClass:[NSNumber class]] || AURIsBoolean(value)) return AURDigits(text);
    if (strchr("fd", [value objCType][0]) == NULL) return AURDigits([value stringValue]);
    // Bridges from JavaScript make a double of every number: exact below 2^53, and not an id if it has a fraction.
    double d = [value doubleValue];
    return d >= 0 && d < 9007199254740992.0 && d == floor(d) ? [NSString stringWithFormat:@"%.0f", d] : nil;
}

AURReceipt *AURMakeReceipt(NSString *messageID, NSString *event, NSString *part, NSDate *at) {
    double whole, fraction = modf(at.timeIntervalSince1970, &whole);
    time_t seconds = (time_t)whole;
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    char text[32] = "";
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return @{@"msg_id" : messageID, @"event" : event, @"part" : part, @"at" : [NSString stringWithFormat:@"%s.%03dZ", text, (int)(fraction * 1000)]};
}

NSArray<AURReceipt *> *AURReceiptsFor(NSString *event, NSDictionary *payload, NSDate *at) {
    NSMutableArray *receipts = [NSMutableArray array];
    NSString *messageID = AURMessageID(payload);
    if (messageID == nil) return receipts;
    [receipts addObject:AURMakeReceipt(messageID, AURReceivedEvent, AURNotificationPart, at)];
    if (event != AURReceivedEvent) [receipts addObject:AURMakeReceipt(messageID, event, AURNotificationPart, at)];
    return receipts;
}

NSString *AURReceiptKey(AURReceipt *receipt) { return [NSString stringWithFormat:@"%@ %@ %@", receipt[@"msg_id"], receipt[@"event"], receipt[@"part"]]; }

BOOL AURIsReceipt(id value) { return AURHasTexts(value, @"msg_id event part at") && AURDigits(value[@"msg_id"]) != nil; }
