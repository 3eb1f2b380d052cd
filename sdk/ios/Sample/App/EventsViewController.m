#import "EventsViewController.h"
#import "AuroraPush.h"

@implementation EventsViewController {
    UITextView *_text;
}

- (void)viewDidLoad {
    [super viewDidLoad];
    self.view.backgroundColor = [UIColor systemBackgroundColor];
    _text = [[UITextView alloc] initWithFrame:self.view.bounds];
    _text.autoresizingMask = UIViewAutoresizingFlexibleWidth | UIViewAutoresizingFlexibleHeight;
    _text.editable = NO;
    [self.view addSubview:_text];

    [AURPushService registrationIDCompletionHandler:^(int code, NSString *registrationID) {
        [self show:code == 0 ? [@"Registration id " stringByAppendingString:registrationID] : [NSString stringWithFormat:@"No registration id: %d", code]];
    }];
    // The tap that started the app waits for this.
    [AURPushService setTapHandler:^(NSDictionary *payload, NSString *action) {
        [self show:[NSString stringWithFormat:@"Tapped%@: %@", action == nil ? @"" : [@" " stringByAppendingString:action], payload]];
    }];
    [[NSNotificationCenter defaultCenter] addObserverForName:AURNetworkDidReceiveMessageNotification object:nil queue:nil usingBlock:^(NSNotification *notification) {
        [self show:[NSString stringWithFormat:@"Message: %@", notification.userInfo[@"content"]]];
    }];
}

- (void)show:(NSString *)line { _text.text = [_text.text stringByAppendingFormat:@"%@\n\n", line]; }

@end
